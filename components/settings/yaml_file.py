"""Read a YAML file that somebody wrote by hand."""

from pathlib import Path
from typing import Any

import yaml

from .errors import SettingsError


class _Loader(yaml.SafeLoader):
    """Leaves a date that no calendar has as the text it is: who expects a date there says where, and what is wrong."""


def _date(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def read_yaml(file: Path, key: str) -> Any:
    """Return what `file` says; `key` is the setting that names it.

    Raises:
        SettingsError: when it cannot be read.
    """
    try:
        return _Loader(file.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise SettingsError(str(file), [f"cannot be read ({error.strerror}); see {key}"]) from None
    except UnicodeDecodeError:
        raise SettingsError(str(file), ["is not UTF-8 text; save it as UTF-8"]) from None
    except yaml.YAMLError as error:
        raise SettingsError(str(file), [f"is not YAML: {' '.join(str(error).split())}"]) from None
