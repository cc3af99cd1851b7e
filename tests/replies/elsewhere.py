"""A decorator from another module than the function that it wraps, without the names that its annotation needs."""

from functools import wraps


def traced(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper
