"""Examples for the API documentation."""

EXAMPLE_ID = "0199d3b2-6f00-7c3a-9d4e-0b1f6c2a8e57"
EXAMPLE_PASSWORD = "seven purple tractors sing"  # noqa: S105 - in the documentation
EXAMPLE_TIME = "2026-01-02T03:04:05Z"
