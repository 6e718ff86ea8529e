"""The AWS CLI, loaded once and copied for each call of `aws` beside this file.

    cli.py SOCKET

Each copy gets the caller's folder, environment, arguments and files, and then is the CLI's own main(). What is shared
is what importing made, and the service models as they were read. Ends when its standard input does.
"""

from __future__ import annotations

import os
import select
import socket
import sys

import awscli.clidriver
import botocore.loaders

SERVICES = ("sts", "s3", "ecr", "iam", "logs", "sagemaker", "sagemaker-runtime", "codebuild", "cloudwatch")


def receive(client: socket.socket) -> tuple[list[str], list[int]]:
    size, files, _, _ = socket.recv_fds(client, 8, 3)
    left, parts = int.from_bytes(size, "big"), []
    while left and (part := client.recv(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts).decode("utf-8", "surrogateescape").split("\0"), files


def be_the_cli(words: list[str], files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(words[0])
    arguments = words[2 : 2 + int(words[1])]
    data = os.environ["AWS_DATA_PATH"]  # which importing the CLI sets
    os.environ.clear()
    os.environ.update({"AWS_DATA_PATH": data})
    os.environ.update(variable.split("=", 1) for variable in words[2 + len(arguments) :])
    sys.argv = ["aws", *arguments]
    status = 255
    try:
        status = awscli.clidriver.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


def answer(client: socket.socket) -> None:
    """In a process of its own, which waits for the copy that it makes."""
    words, files = receive(client)
    child = os.fork()
    if child == 0:
        be_the_cli(words, files)
    _, status = os.waitpid(child, 0)
    client.sendall(bytes([os.waitstatus_to_exitcode(status) & 255]))
    os._exit(0)


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main(path: str) -> None:
    read: dict[str, object] = {}
    plain = botocore.loaders.JSONFileLoader.load_file

    def load_file(self: botocore.loaders.JSONFileLoader, file: str) -> object:
        if file not in read:
            read[file] = plain(self, file)
        return read[file]

    botocore.loaders.JSONFileLoader.load_file = load_file
    driver = awscli.clidriver.create_clidriver()
    for service in SERVICES:
        driver.session.get_service_model(service)
        driver.session.get_component("data_loader").load_service_model(service, "endpoint-rule-set-1")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            client, _ = server.accept()
            reap()
            if os.fork() == 0:
                answer(client)
            client.close()


if __name__ == "__main__":
    main(sys.argv[1])
