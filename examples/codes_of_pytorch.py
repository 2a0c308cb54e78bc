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
# # Score codes of PyTorch
#
# tfvae's metrics need arrays alone: codes [N, D] and factors [N, K]. No TensorFlow is loaded. Here the encoder is an
# autoencoder of PyTorch; where PyTorch is not installed, principal components stand in for it.
#
# Open this file as a notebook with jupytext (`jupytext --to ipynb codes_of_pytorch.py`), or run it with Python.

# %%
import sys

import numpy as np

from tfvae.metrics import METRICS, score

STEPS = 2_000
rng = np.random.default_rng(0)

# %% [markdown]
# ## Images whose factors are known
#
# A bar at one of 10 places, of one of 4 lengths, of one of 3 greys.

# %%
place, length, grey = (axis.ravel() for axis in np.indices((10, 4, 3)))
factors = np.column_stack([place, length, grey])
images = np.zeros((len(factors), 16, 16), np.float32)
for image, (i, j, k) in zip(images, factors, strict=True):
    image[i : i + 5, : 4 * (j + 1)] = (k + 1) / 3
flat = images.reshape(len(images), -1)

# %% [markdown]
# ## An encoder

# %%
try:
    import torch
except ImportError:
    torch = None

if torch is None:
    centred = flat - flat.mean(axis=0)
    codes = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
else:
    torch.manual_seed(0)
    x = torch.from_numpy(flat)
    encoder = torch.nn.Sequential(torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3))
    decoder = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.ReLU(), torch.nn.Linear(64, 256))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.mean((decoder(encoder(x)) - x) ** 2).backward()
        optimizer.step()
    with torch.no_grad():
        codes = encoder(x)  # a tensor on the CPU is an array for `score`

# %% [markdown]
# ## Scores
#
# Few draws, as there are only 120 images. A perfect code, the factors themselves, shows what is possible.

# %%
chosen = ["factor_vae", "mig", "sap", "modularity", "irs", "mutual_information"]
names = ["place", "length", "grey"]
results = score(codes, factors, metrics=chosen, names=names)
perfect = score(factors, factors, metrics=chosen, names=names)

print(f"{'metric':20} {'codes':>16}  {'perfect':>8}  better")
for name in chosen:
    found = f"{results[name]['score']:.3f} +- {results[name]['standard_error']:.3f}"
    better = "lower" if METRICS[name].lower_is_better else "higher"
    print(f"{name:20} {found:>16}  {perfect[name]['score']:8.3f}  {better}")

# %% [markdown]
# Which factor is encoded worst? `per_factor` has the gap of each factor, in the order of their names.

# %%
print({name: round(gap, 3) for name, gap in zip(names, results["mig"]["per_factor"], strict=True)})
assert "tensorflow" not in sys.modules
