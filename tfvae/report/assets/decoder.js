// Runs a decoder that tfvae/report/portable_decoder.py describes. Arrays are flat, row by row, channels last.
"use strict";

function makeDecoder(portable) {
  const bytes = Uint8Array.from(atob(portable.weights), (character) => character.charCodeAt(0));
  const all = new Float32Array(bytes.buffer);
  let place = 0;
  const take = (count) => all.subarray(place, (place += count));

  const layers = portable.layers.map((layer) => {
    const then = activation(layer);
    switch (layer.kind) {
      case "dense": {
        const kernel = take(layer.inputs * layer.outputs);
        const bias = take(layer.outputs);
        return (x) => then(dense(x, kernel, bias));
      }
      case "conv_transpose": {
        const kernel = take(layer.inputs * layer.kernel[0] * layer.kernel[1] * layer.outputs);
        const bias = take(layer.outputs);
        return (x) => then(convTranspose(x, layer, kernel, bias));
      }
      case "affine": {
        const scale = take(layer.outputs);
        const shift = take(layer.outputs);
        return (x) => x.map((value, i) => value * scale[i % layer.outputs] + shift[i % layer.outputs]);
      }
      default:
        return then;
    }
  });
  // Codes of D numbers to the probabilities of H x W x C pixels.
  return (code) => layers.reduce((x, layer) => layer(x), Float32Array.from(code)).map(sigmoid);
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

function activation({ activation, slope }) {
  const elementwise = {
    relu: (x) => (x > 0 ? x : 0),
    leaky_relu: (x) => (x > 0 ? x : slope * x),
    sigmoid,
    tanh: Math.tanh,
  }[activation];
  return elementwise ? (x) => x.map(elementwise) : (x) => x;
}

function dense(x, kernel, bias) {
  const outputs = bias.length;
  const y = Float32Array.from(bias);
  for (let i = 0; i < x.length; i++) {
    const value = x[i];
    if (value === 0) continue;
    for (let j = 0, k = i * outputs; j < outputs; j++, k++) y[j] += value * kernel[k];
  }
  return y;
}

function convTranspose(x, { size, kernel: [rows, columns], stride, inputs, outputs }, kernel, bias) {
  const [height, width] = [size[0] * stride[0], size[1] * stride[1]];
  // As TensorFlow's "same": what the kernel reaches beyond the output is cut off, the odd one at the end.
  const top = Math.max(0, rows - stride[0]) >> 1;
  const left = Math.max(0, columns - stride[1]) >> 1;
  const y = new Float32Array(height * width * outputs);
  for (let i = 0; i < y.length; i++) y[i] = bias[i % outputs];
  for (let row = 0, from = 0; row < size[0]; row++) {
    for (let column = 0; column < size[1]; column++) {
      for (let channel = 0; channel < inputs; channel++, from++) {
        const value = x[from];
        if (value === 0) continue;
        for (let kr = 0; kr < rows; kr++) {
          const toRow = row * stride[0] + kr - top;
          if (toRow < 0 || toRow >= height) continue;
          for (let kc = 0; kc < columns; kc++) {
            const toColumn = column * stride[1] + kc - left;
            if (toColumn < 0 || toColumn >= width) continue;
            let to = (toRow * width + toColumn) * outputs;
            let weight = ((channel * rows + kr) * columns + kc) * outputs;
            for (const end = to + outputs; to < end; to++, weight++) y[to] += value * kernel[weight];
          }
        }
      }
    }
  }
  return y;
}
