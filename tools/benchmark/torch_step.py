"""The same training steps in PyTorch, to compare with ours: python torch_step.py MODEL BATCH THREADS FORM.

FORM is "plain", as most code is written; "best", with convolutions in the layout channels_last and a fused Adam, which
are faster on a CPU; "compiled", that through torch.compile; or "bfloat16", the best one under autocast.

It is run by a Python that has torch, in a process of its own; this library does not use torch. For each line on
standard input it does one step, and prints the seconds by the clock and those of CPU time. The networks are those of
Table 1 (Kim & Mnih, 2018) with a discriminator of 6 x 1000; the images are random black and white ones, 64x64x1.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Form:
    """How PyTorch is used.

    Args:
        name: "plain", "best", "compiled" or "bfloat16".
    """

    def __init__(self, name: str):
        self.fast = name != "plain"
        self.compiled = name == "compiled"
        self.half = name == "bfloat16"

    def network(self, network: nn.Module) -> Any:
        if self.fast:
            network = network.to(memory_format=torch.channels_last)
        return torch.compile(network) if self.compiled else network

    def images(self, size: int) -> torch.Tensor:
        images = (torch.rand(size, 1, 64, 64) > 0.8).float()
        return images.to(memory_format=torch.channels_last) if self.fast else images

    def adam(self, parameters: list[nn.Parameter], **options: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, 1e-4, fused=self.fast, **options)

    def forward(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16) if self.half else contextlib.nullcontext()


def autoencoder() -> tuple[nn.Module, nn.Module]:
    shape = {"kernel_size": 4, "stride": 2, "padding": 1}
    down = [nn.Sequential(nn.Conv2d(m, n, **shape), nn.ReLU()) for m, n in ((1, 32), (32, 32), (32, 64), (64, 64))]
    up = [nn.Sequential(nn.ConvTranspose2d(m, n, **shape), nn.ReLU()) for m, n in ((64, 64), (64, 32), (32, 32))]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 20))
    hidden = [nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 1024), nn.ReLU(), nn.Unflatten(1, (64, 4, 4))]
    return encoder, nn.Sequential(*hidden, *up, nn.ConvTranspose2d(32, 1, **shape))


def vae_step(batch: int, form: Form) -> Callable[[], None]:
    networks = autoencoder()
    parameters = [weight for network in networks for weight in network.parameters()]
    encoder, decoder = map(form.network, networks)
    optimizer, images = form.adam(parameters), form.images(batch)

    def step() -> None:
        with form.forward():
            loss = elbo(encoder, decoder, images)[-1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def factor_vae_step(batch: int, form: Form, gamma: float = 35.0) -> Callable[[], None]:
    networks = autoencoder()
    parameters = [weight for network in networks for weight in network.parameters()]
    encoder, decoder = map(form.network, networks)
    hidden = [nn.Sequential(nn.Linear(10 if k == 0 else 1000, 1000), nn.LeakyReLU(0.2)) for k in range(6)]
    judge = nn.Sequential(*hidden, nn.Linear(1000, 2))
    optimizer, discriminator_optimizer = form.adam(parameters), form.adam([*judge.parameters()], betas=(0.5, 0.9))
    discriminator = form.network(judge)
    images, others = (form.images(batch // 2) for _ in range(2))
    labels = torch.arange(2).repeat_interleave(batch // 2)

    def step() -> None:
        with form.forward():
            z, _, _, loss = elbo(encoder, decoder, images)
            logits = discriminator(z)
            loss = loss + gamma * (logits[:, 0] - logits[:, 1]).mean()
        optimizer.zero_grad()
        loss.backward(inputs=parameters)
        optimizer.step()
        with torch.no_grad(), form.forward():
            other = sample(encoder, others)[0]
            permuted = other.gather(0, torch.rand_like(other).argsort(0))
        with form.forward():
            logits = discriminator(torch.cat([z.detach(), permuted]))
            loss = functional.cross_entropy(logits.float(), labels)
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()

    return step


def sample(encoder: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mean, log_variance = encoder(images).float().chunk(2, 1)
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean), mean, log_variance


def elbo(encoder: nn.Module, decoder: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    z, mean, log_variance = sample(encoder, images)
    logits = decoder(z).float()
    reconstruction = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    return z, mean, log_variance, reconstruction + kl


def main() -> None:
    model, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    step = {"vae": vae_step, "factor_vae": factor_vae_step}[model](batch, Form(sys.argv[4]))
    print(torch.__version__, flush=True)
    for _ in sys.stdin:
        clock, cpu = time.perf_counter(), time.process_time()
        step()
        print(time.perf_counter() - clock, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    main()
