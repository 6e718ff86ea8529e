"""gunicorn with the Flask application, on the socket that nginx forwards to."""

from __future__ import annotations

from typing import Any

from gunicorn.app.base import BaseApplication

from inference import is_shared, load_in_workers
from settings import settings


def warm_up(_worker: Any) -> None:
    from app import service

    service.warm_up()


OPTIONS = {
    "bind": f"unix:{settings.socket}",
    "workers": settings.workers,
    "worker_class": "gthread",
    "threads": settings.threads,
    # Load the model once and fork, where the framework survives it; predict only in the workers.
    "preload_app": is_shared(),
    "post_worker_init": warm_up,
    # How long a worker may show no sign of life, loading included. A slow request is nginx's to end.
    "timeout": max(settings.timeout_s, 300),
    "graceful_timeout": 20,
    "worker_tmp_dir": str(settings.run_dir),
    "control_socket_disable": True,
    "loglevel": "warning",
}


class ModelServer(BaseApplication):
    """gunicorn, configured from here rather than from a command line."""

    def load_config(self) -> None:
        for name, value in OPTIONS.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from app import app, service

        if self.cfg.preload_app:
            load_in_workers(service)
        return app


if __name__ == "__main__":
    ModelServer().run()
