// The sliders of the latents, and the image that they decode to.
"use strict";

(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const portable = read("decoder-data");
  const starts = read("starts-data");
  const decode = makeDecoder(portable);
  const [height, width, channels] = portable.shape;
  const canvas = document.getElementById("decoded");
  const original = document.getElementById("original");
  const sliders = [...document.querySelectorAll("input[data-latent]")];
  const buttons = [...document.querySelectorAll("button[data-start]")];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const code = new Array(portable.latent_dim).fill(0);
  let chosen = 0;
  let due = false;

  function draw() {
    due = false;
    const pixels = decode(code);
    for (let i = 0; i < height * width; i++) {
      for (let c = 0; c < 3; c++) {
        image.data[4 * i + c] = Math.round(255 * pixels[i * channels + (channels === 3 ? c : 0)]);
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  function show(slider) {
    const value = code[slider.dataset.latent];
    const text = (value < 0 ? "\u2212" : "") + Math.abs(value).toFixed(2);
    slider.closest("li").querySelector("output").textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }

  function schedule() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }

  // Codes beyond a slider's end stay what they are until that slider is moved.
  function set(values) {
    values.forEach((value, latent) => (code[latent] = value));
    for (const slider of sliders) {
      slider.value = code[slider.dataset.latent];
      show(slider);
    }
    schedule();
  }

  function choose(start) {
    chosen = start;
    original.src = starts[start].image;
    original.hidden = false;
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === start)));
    set(starts[start].code);
  }

  function normal() {
    return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  }

  for (const slider of sliders) {
    slider.addEventListener("input", () => {
      code[slider.dataset.latent] = slider.valueAsNumber;
      show(slider);
      schedule();
    });
  }
  buttons.forEach((button, i) => button.addEventListener("click", () => choose(i)));
  document.getElementById("reset").addEventListener("click", () => choose(chosen));
  document.getElementById("sample").addEventListener("click", () => {
    original.hidden = true;
    buttons.forEach((button) => button.setAttribute("aria-pressed", "false"));
    set(code.map(normal));
  });
  choose(0);
  draw();
})();
