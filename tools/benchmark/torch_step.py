"""The same training steps in plain PyTorch, to compare with ours: python torch_step.py MODEL BATCH THREADS.

It is run by a Python that has torch, in a process of its own; this library does not use torch. For each line on
standard input it does one step, and prints the seconds by the clock and those of CPU time. The networks are those of
Table 1 (Kim & Mnih, 2018) with a discriminator of 6 x 1000; the images are random black and white ones, 64x64x1.
"""

import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


def autoencoder() -> tuple[nn.Module, nn.Module]:
    shape = {"kernel_size": 4, "stride": 2, "padding": 1}
    down = [nn.Sequential(nn.Conv2d(m, n, **shape), nn.ReLU()) for m, n in ((1, 32), (32, 32), (32, 64), (64, 64))]
    up = [nn.Sequential(nn.ConvTranspose2d(m, n, **shape), nn.ReLU()) for m, n in ((64, 64), (64, 32), (32, 32))]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 20))
    hidden = [nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 1024), nn.ReLU(), nn.Unflatten(1, (64, 4, 4))]
    return encoder, nn.Sequential(*hidden, *up, nn.ConvTranspose2d(32, 1, **shape))


def vae_step(batch: int) -> Callable[[], None]:
    encoder, decoder = autoencoder()
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-4)
    images = (torch.rand(batch, 1, 64, 64) > 0.8).float()

    def step() -> None:
        _, _, _, loss = elbo(encoder, decoder, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def factor_vae_step(batch: int, gamma: float = 35.0) -> Callable[[], None]:
    encoder, decoder = autoencoder()
    hidden = [nn.Sequential(nn.Linear(10 if k == 0 else 1000, 1000), nn.LeakyReLU(0.2)) for k in range(6)]
    discriminator = nn.Sequential(*hidden, nn.Linear(1000, 2))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-4)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), 1e-4, betas=(0.5, 0.9))
    images, others = ((torch.rand(batch // 2, 1, 64, 64) > 0.8).float() for _ in range(2))
    labels = torch.arange(2).repeat_interleave(batch // 2)

    def step() -> None:
        z, _, _, loss = elbo(encoder, decoder, images)
        logits = discriminator(z)
        loss = loss + gamma * (logits[:, 0] - logits[:, 1]).mean()
        optimizer.zero_grad()
        loss.backward(inputs=parameters)
        optimizer.step()
        with torch.no_grad():
            other = sample(encoder, others)[0]
            permuted = other.gather(0, torch.rand_like(other).argsort(0))
        logits = discriminator(torch.cat([z.detach(), permuted]))
        discriminator_optimizer.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        discriminator_optimizer.step()

    return step


def sample(encoder: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mean, log_variance = encoder(images).chunk(2, 1)
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean), mean, log_variance


def elbo(encoder: nn.Module, decoder: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    z, mean, log_variance = sample(encoder, images)
    logits = decoder(z)
    reconstruction = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    return z, mean, log_variance, reconstruction + kl


def main() -> None:
    model, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    step = {"vae": vae_step, "factor_vae": factor_vae_step}[model](batch)
    print(torch.__version__, flush=True)
    for _ in sys.stdin:
        clock, cpu = time.perf_counter(), time.process_time()
        step()
        print(time.perf_counter() - clock, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    main()
