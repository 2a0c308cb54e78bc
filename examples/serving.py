# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Serve an encoder
#
# Export a model, start a server on this machine, and ask it over gRPC and over REST. The same files and the same client
# work with TensorFlow Serving. This needs the extra: `pip install ".[serving]"`.
#
# Open this file as a notebook with jupytext (`jupytext --to ipynb serving.py`), or run it with Python. It takes less
# than a minute.

# %%
import base64
import json
import urllib.request

import numpy as np

import tfvae
from tfvae.plots.figures import save_figure
from tfvae.plots.samples import plot_samples
from tfvae.serving import Client
from tfvae.serving.local.server import LocalServer

# %% [markdown]
# ## Export
#
# The model is one of the zoo's; one of your own, from `fit`, `tfvae.train` or a .keras file, is exported in the same
# way. A server reads folders <name>/<version>/. By convention the decoder of <name> is <name>-decoder.

# %%
model = tfvae.zoo.load_model("vae-dsprites")
tfvae.export_encoder(model, "served/shapes/1")
tfvae.export_decoder(model, "served/shapes-decoder/1")

# %% [markdown]
# ## A server on this machine
#
# In a notebook the server runs in the same process. In a terminal, `tfvae serve --saved_models=served` runs it with
# gRPC at port 8500 and REST at port 8501. It is for development: it has no TLS and no batching across requests.

# %%
server = LocalServer("served")
server.__enter__()
print("gRPC at", server.grpc_address, "and REST at", server.rest_address)

# %% [markdown]
# ## Ask over gRPC
#
# The client takes arrays, or paths of pictures. It sends several requests at once, retries transient errors, and checks
# every answer.

# %%
data = tfvae.data.load("dsprites")
images = data.scaled(np.random.default_rng(0).choice(len(data), 10))
with Client(server.grpc_address, "shapes") as client:
    codes = client.encode(images)
print({name: each.shape for name, each in codes.items()})
assert np.allclose(codes["mean"], model.predict(images, verbose=0)["mean"], atol=1e-4)

# %% [markdown]
# ## Ask over REST
#
# Only the address differs.

# %%
with Client(server.rest_address, "shapes") as client:
    assert np.allclose(client.encode(images)["mean"], codes["mean"], atol=1e-4)

# %% [markdown]
# Any other program can send JSON. `encode_bytes` takes PNG and JPEG files in base64.

# %%
save_figure(plot_samples(images[:1], scale=1), "picture.png")
with open("picture.png", "rb") as file:
    request = {"signature_name": "encode_bytes", "instances": [{"b64": base64.b64encode(file.read()).decode()}]}
address = f"{server.rest_address}/v1/models/shapes:predict"
with urllib.request.urlopen(address, json.dumps(request).encode()) as answer:
    print("first latents:", np.round(json.load(answer)["predictions"][0]["mean"][:4], 2))

# %% [markdown]
# ## Decode
#
# `predict` calls any signature of any model. In the picture, images are above what their codes decode to.

# %%
with Client(server.grpc_address, "shapes-decoder") as client:
    drawn = client.predict("serving_default", {"z": codes["mean"]})["images"]
save_figure(plot_samples(np.concatenate([images, drawn])), "serving.png")
server.__exit__()

# %% [markdown]
# ## TensorFlow Serving
#
# The folder is what TensorFlow Serving reads. `tfvae deploy` writes the files to run it, with its list of models,
# batching and probes:
#
# ```sh
# tfvae deploy --saved_models=served --output=serving
# cd serving && docker compose up
# ```
#
# Or one model by hand:
#
# ```sh
# docker run -p 8500:8500 -p 8501:8501 -v "$PWD/served/shapes:/models/shapes" -e MODEL_NAME=shapes tensorflow/serving
# ```
#
# The client's lines stay the same: `Client("localhost:8500", "shapes")`.
