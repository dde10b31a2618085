"""Finds misspelt names in a module's container, which the library itself reports only at the first use."""

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from dependency_injector import providers
from dependency_injector.containers import DeclarativeContainer

# Providers that call something with the arguments in the container.
CALLING = (providers.Factory, providers.BaseSingleton, providers.Resource, providers.Callable)


def wiring_faults(container: DeclarativeContainer) -> list[str]:
    """Every unknown name in a container: of a provider, of a setting, of a parameter."""
    return sorted({*_unknown_providers(container), *_unknown_settings(container), *_unknown_parameters(container)})


def _unknown_providers(container: DeclarativeContainer) -> Iterator[str]:
    for name, given in container.providers.items():
        if not isinstance(given, providers.DependenciesContainer):
            continue
        known = [one for one, provider in given.providers.items() if _is_defined(provider)]
        for one, provider in given.providers.items():
            if not _is_defined(provider):
                yield f"{name}.{one}{_suggestion(one, known)}"


def _is_defined(provider: providers.Provider[Any]) -> bool:
    return not isinstance(provider, providers.Dependency) or provider.is_defined


def _unknown_settings(container: DeclarativeContainer) -> Iterator[str]:
    """Checks `settings.provided.name`. Other providers' attributes are unknown until their objects are made."""
    for getter in container.traverse(types=[providers.AttributeGetter]):
        source = getattr(getter.provides, "provides", None)
        if not isinstance(source, providers.Dependency) or str(source.parent_name).rpartition(".")[2] != "settings":
            continue
        name = str(getter.name)
        if source.is_defined and not hasattr(settings := source(), name):
            yield f"settings.provided.{name}{_suggestion(name, vars(settings))}"


def _unknown_parameters(container: DeclarativeContainer) -> Iterator[str]:
    for name, provider in container.providers.items():
        if not isinstance(provider, CALLING) or not callable(provider.provides):
            continue
        try:
            signature = inspect.signature(provider.provides)
        except ValueError:  # built in, without a signature
            continue
        try:
            # A factory's caller may pass further arguments, such as a session; a singleton's callers cannot.
            bind = signature.bind if isinstance(provider, providers.BaseSingleton) else signature.bind_partial
            bind(*provider.args, **provider.kwargs)
        except TypeError as error:
            yield f"{name}: {provider.provides.__name__} {error}"


def _suggestion(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
