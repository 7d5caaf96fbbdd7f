"""Routes as the platforms write them: `/users/{id}`, `/{proxy+}`, `/products/{id:int?}`, `/{*rest}`."""

import re
from urllib.parse import unquote

MAX_ROUTES = 1000
PARAMETER = re.compile(r"\{(\*)?([^}:+*?]+)(?::[^}?]*)?(\+|\*)?(\?)?\}")


def matcher_of(routes):
    """`routes` are (methods, path, what): a function that finds what a request fits, and its parameters. A route that leaves less
    open comes first. No methods are all of them."""
    compiled = sorted(((*_compile(path), [method.upper() for method in methods or ()], what) for methods, path, what in routes[:MAX_ROUTES]), key=lambda one: one[0])

    def match(method, path):
        for _, pattern, names, methods, what in compiled:
            if methods and method not in methods and not {"*", "ANY"} & set(methods):
                continue
            found = pattern.fullmatch(path)
            if found:
                return what, {name: unquote(value) for name, value in zip(names, found.groups()) if value is not None}
        return None

    return match


def _compile(path):
    weight, text, names = 0, "", []
    for segment in path.split("/"):
        if not segment:
            continue
        parameter = PARAMETER.fullmatch(segment)
        if parameter is None:
            text += "/" + re.escape(segment)
            continue
        star, name, repeat, optional = parameter.groups()
        names.append(name)
        is_rest = bool(star or repeat)
        weight += 1000 if is_rest else 1
        value = "(.+?)" if is_rest else "([^/]+)"
        text += f"(?:/{value})?" if optional or star else f"/{value}"
    return weight, re.compile(text + "/?"), names
