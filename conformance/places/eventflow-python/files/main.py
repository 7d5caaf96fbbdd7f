def handler(event, context):
    return {"greeting": "Hello, " + event["http"]["query"]["name"]}
