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
# # Photos of your own
#
# From a folder of picture files to a trained model, its traversals and a report. The pictures here are drawn by the
# script, so that you can run it as it stands: a disc of some colour, at some place and of some size, on a background
# that is brighter on one side. With a folder of your own, begin at "Load the folder".
#
# Open this file as a notebook with jupytext (`jupytext --to ipynb own_photos.py`), or run it with Python. Two cores
# train in about three minutes.

# %%
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import tfvae
from tfvae.loading import load
from tfvae.plots.figures import save_figure
from tfvae.plots.samples import plot_samples
from tfvae.plots.traversals import draw_traversals
from tfvae.report.page import write_report

PICTURES, STEPS = 4_000, 6_000
rng = np.random.default_rng(0)

# %% [markdown]
# ## Picture files
#
# 96 x 80 pixels, as JPEG.

# %%
folder = Path("my_photos")
folder.mkdir(exist_ok=True)
for index in range(PICTURES):
    shade = np.linspace(60, rng.uniform(60, 200), 96)
    picture = Image.fromarray(np.broadcast_to(shade[None, :, None], (80, 96, 3)).astype(np.uint8))
    x, y, radius = rng.uniform(28, 68), rng.uniform(20, 60), rng.uniform(8, 18)
    hue, box = int(rng.integers(256)), (x - radius, y - radius, x + radius, y + radius)
    disc = Image.new("HSV", (1, 1), (hue, 200, 230)).convert("RGB").getpixel((0, 0))
    ImageDraw.Draw(picture).ellipse(box, fill=disc)
    picture.filter(ImageFilter.GaussianBlur(1)).save(folder / f"{index:04}.jpg", quality=90)

# %% [markdown]
# ## Load the folder
#
# Of each picture the middle square is resized to `size` x `size`. Decoded pictures are cached. `print` says what was
# read: look at it before you train.

# %%
name = f"folder:{folder}?size=32"
photos = tfvae.data.load(name)
print(photos)
save_figure(plot_samples(photos.scaled(np.arange(20))), "own_photos-data.png")

# %% [markdown]
# ## Train
#
# beta-TCVAE needs no discriminator, so its steps are short. Pixels are colours, not black or white, hence a Gaussian
# likelihood. The folder `runs/photos` is the run: an interrupted training resumes when these lines run again.

# %%
experiment = tfvae.Experiment(
    "beta_tc_vae",
    parameters={"beta": 4.0, "dataset_size": len(photos), "likelihood": "gaussian", "scale": 0.1},
    optimizers={"optimizer": {"learning_rate": 1e-3}},
    data=name,
    latent_dim=8,
    steps=STEPS,
)
model = tfvae.train(experiment, "runs/photos", data=photos)

# %% [markdown]
# ## Look
#
# Each row moves one latent. The numbers at the left say what a latent carries, in nats: one near 0 is not used.

# %%
draw_traversals("own_photos.png", model, photos)

# %% [markdown]
# ## Codes
#
# A row for each picture, in the order of the sorted paths.

# %%
codes = model.predict(photos.scaled(np.arange(len(photos))), verbose=0)["mean"]
print("codes:", codes.shape)

# %% [markdown]
# ## A report
#
# One HTML file, which needs no network: scores that need no labels, traversals, and a slider for each latent.

# %%
write_report(load("runs/photos"), photos, "own_photos.html", title="Discs", logs="runs/photos/logs", quick=True)
