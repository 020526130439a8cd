"""Every way to write the API's JSON: dialect x nulls x spelling."""

from itertools import product
from typing import Final

from mockserver.contract.dialects import DIALECTS, FIELD_NAMES, NULLS, Variant

VARIANTS: Final = {"-".join(one): Variant(*one) for one in product(DIALECTS, NULLS, FIELD_NAMES)}
