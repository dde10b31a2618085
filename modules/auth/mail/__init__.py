"""The mails of this module, and the tokens in their links."""
