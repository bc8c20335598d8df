"""Strings that stand in one booking alone, to be searched for where no personal value may be."""

SENTINEL_NAME = "Quorlinde Zyxwabel"
SENTINEL_PHONE = "0812-9173-5486"
SENTINEL_E164 = "+6281291735486"
SENTINEL_MESSAGE = "The spare key hangs behind the purple gecko, code 73-Umbra-19"
