from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello():
    return jsonify(message=f"Hello, {request.args.get('name', 'world')}!")


@app.post("/")
def event():
    """Events arrive here as CloudEvents."""
    happened = request.get_json(force=True, silent=True) or {}
    print(f"got {happened.get('type', 'a request')}")
    return jsonify(received=happened.get("id"))
