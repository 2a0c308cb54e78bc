"""Trials of a server that users will depend on: bad requests, random bytes, many clients. See tools/try_server.py."""

from tfvae.serving.trials.bad_requests import Answer, BadRequest, answers, bad_requests, image_shape, picture
from tfvae.serving.trials.load import Load, load
from tfvae.serving.trials.random_bytes import mutated_pictures, random_strings, sent

__all__ = [
    "Answer",
    "BadRequest",
    "Load",
    "answers",
    "bad_requests",
    "image_shape",
    "load",
    "mutated_pictures",
    "picture",
    "random_strings",
    "sent",
]
