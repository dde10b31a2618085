"""The OpenAPI document, in a form that generators of clients understand."""
