def handler(context, event):
    context.logger.info("called")
    return context.Response(body="Hello from Nuclio", content_type="text/plain", status_code=200)
