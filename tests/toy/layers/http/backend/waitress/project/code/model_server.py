"""waitress with the WSGI application, on the socket that nginx forwards to."""

from __future__ import annotations

from waitress import serve

from app import app, service
from settings import settings

if __name__ == "__main__":
    service.warm_up()
    serve(app, unix_socket=str(settings.socket), unix_socket_perms="600", threads=settings.threads)
