"""What tests may order under /control, outside /v1. The answers of /v1 are not made here."""
