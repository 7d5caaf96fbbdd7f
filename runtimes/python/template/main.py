def handler(event, context):
    """`event` is a CloudEvent as a dict: id, source, type, time, subject, datacontenttype, data.

    For an HTTP call its type is `http.invoke`, and event["http"] has method, path, query and headers.
    `context` has function, namespace, version, run_id, attempt, deadline and signal.
    """
    print(f"{event['type']}, attempt {context.attempt}")
    data = event.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    name = name or event.get("http", {}).get("query", {}).get("name") or "world"
    return {"message": f"Hello, {name}!"}
