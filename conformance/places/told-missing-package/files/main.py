import requests_of_nobody


def handler(event, context):
    return 1
