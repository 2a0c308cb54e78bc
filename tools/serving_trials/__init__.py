"""Trials of a server that users will depend on: bad requests, random bytes, many clients."""

from tools.serving_trials.bad_requests import Answer, BadRequest, answers, bad_requests, image_shape, picture
from tools.serving_trials.load import Load, load
from tools.serving_trials.random_bytes import mutated_pictures, random_strings, sent
from tools.serving_trials.swap import put_versions

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
    "put_versions",
    "random_strings",
    "sent",
]
