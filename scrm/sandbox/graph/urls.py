"""Paths under /sandbox/graph/: any version `v<N>.<N>`, and downloads without one."""

from django.urls import path, re_path

from scrm.sandbox.graph import media, messages, nodes, samples, templates

VERSION = r"^v\d+\.\d+"

urlpatterns = [
    path("media/<str:token>/", media.download),
    re_path(VERSION + r"/(?P<phone_number_id>\d+)/messages/?$", messages.messages),
    re_path(VERSION + r"/(?P<phone_number_id>\d+)/marketing_messages/?$", messages.messages, {"only_templates": True}),
    re_path(VERSION + r"/(?P<phone_number_id>\d+)/media/?$", media.upload),
    re_path(VERSION + r"/(?P<phone_number_id>\d+)/whatsapp_business_profile/?$", nodes.business_profile),
    re_path(VERSION + r"/(?P<phone_number_id>\d+)/block_users/?$", nodes.block_users),
    re_path(VERSION + r"/(?P<waba_id>\d+)/message_templates/?$", templates.templates),
    re_path(VERSION + r"/(?P<template_id>\d+)/unpause/?$", templates.unpause),
    re_path(VERSION + r"/(?P<app_id>app|\d+)/uploads/?$", samples.open_session),
    re_path(VERSION + r"/upload:(?P<session>[\w:.-]+)/?$", samples.fill_session),
    re_path(VERSION + r"/(?P<waba_id>\d+)/phone_numbers/?$", nodes.phone_numbers),
    re_path(VERSION + r"/(?P<waba_id>\d+)/subscribed_apps/?$", nodes.subscribed_apps),
    re_path(VERSION + r"/(?P<node_id>[^/]+)/?$", nodes.node),
]
