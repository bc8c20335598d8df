"""Which marts and steps there are: all in the folders of the subjects, in the order that what they read asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from assets.marts import chat, commission, customers, data, demand, health, providers, revenue, steps
from assets.marts.mart import Mart, in_order
from resources.modules import modules_of

#: The marts of a subject stand in its folder, which is named as the module of checks/schemas that declares them.
FOLDERS: Final = (chat, commission, customers, data, demand, health, providers, revenue, steps)
for _folder in FOLDERS:
    tuple(modules_of(_folder))  # importing a module makes its mart or step known

#: Name → mart or step, each after those it reads.
MARTS: Final[Mapping[str, Mart]] = in_order()
#: The published marts, without steps.
MART_NAMES: Final = tuple(name for name, mart in MARTS.items() if not mart.step)
