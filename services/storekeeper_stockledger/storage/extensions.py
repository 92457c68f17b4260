"""What vendors know of stock, as it is stored."""

from storekeeper_kit.json_text import load_json

from ..domain.extensions import Extensions


def read_extensions(text: str) -> Extensions:
    """The extensions that this JSON text means. Mostly there are none, which takes no parser to see."""
    extensions: Extensions = load_json(text) if text != "{}" else {}
    return extensions
