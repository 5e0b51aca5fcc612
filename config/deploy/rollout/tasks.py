"""The tasks of a fabfile: one to choose each environment, and what can be done with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fabric import task
from invoke import Collection
from invoke.exceptions import Exit

from config.deploy.rollout import steps
from config.deploy.rollout.environments import Environment
from config.deploy.rollout.exceptions import Failure
from config.deploy.rollout.host import connected
from config.deploy.rollout.source import archived

COMMANDS = ("deploy", "rollback", "status")
BAD_SETTINGS, FAILED = 2, 1


def tasks_of(settings: Mapping[str, Any]) -> Collection:
    """What a fabfile has to have as `namespace`: `fab production deploy` and so on."""
    with _failures_told(BAD_SETTINGS):
        environments = {name: _read(name, each) for name, each in settings.items()}
    chosen: dict[str, Environment] = {}
    collection = Collection()
    for name, environment in environments.items():
        collection.add_task(task(_choice_of(name, environment, chosen)), name=name)
    for command in _commands(chosen, list(environments)):
        collection.add_task(task(command))
    return collection


def _read(name: str, settings: Any) -> Environment:
    if name in COMMANDS:
        raise Failure(f"{name}: an environment cannot be called like a command")
    return Environment.read(name, settings)


def _choice_of(
    name: str, environment: Environment, chosen: dict[str, Environment]
) -> Callable[..., None]:
    def choose(context: Any) -> None:
        chosen.clear()
        chosen[name] = environment

    choose.__doc__ = f"Do what follows with {', '.join(environment.hosts)}."
    return choose


def _commands(chosen: dict[str, Environment], names: list[str]) -> Iterator[Callable[..., None]]:
    def environment(command: str) -> Environment:
        if not chosen:
            known = ", ".join(f"`fab {name} {command}`" for name in names)
            raise Failure(f"Say where: {known}")
        return next(iter(chosen.values()))

    def deploy(context: Any, ref: str = "", force: bool = False) -> None:
        """Deploy the environment's branch, or --ref BRANCH|TAG|COMMIT."""
        with _failures_told(FAILED):
            here = environment("deploy")
            with archived(here.repository, ref or here.branch) as source:
                steps.say(None, f"deploying {source.short_commit}: {source.subject}")
                if not source.is_all:
                    steps.say(None, "changes that are not committed stay here")
                with connected(here, context.config) as hosts:
                    steps.deploy(hosts, source, is_forced=force)

    def rollback(context: Any, force: bool = False) -> None:
        """Go back to the release before."""
        with _failures_told(FAILED), connected(environment("rollback"), context.config) as hosts:
            steps.rollback(hosts, is_forced=force)

    def status(context: Any) -> None:
        """Say which release runs where, and whether it is ready."""
        with _failures_told(FAILED), connected(environment("status"), context.config) as hosts:
            steps.status(hosts)

    yield from (deploy, rollback, status)


@contextmanager
def _failures_told(code: int) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise Exit(str(failure), code=code) from failure
