from django.contrib.staticfiles.management.commands import runserver
from django.core.servers.basehttp import WSGIServer


class BurstServer(WSGIServer):
    # With Django's 10, the system resets some of 50 connections that are opened at once.
    request_queue_size = 512


class Command(runserver.Command):
    server_cls = BurstServer
