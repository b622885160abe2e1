"""A stand-in for WhatsApp's Cloud API, on this machine alone, with a phone page to play the customer.

It speaks wire formats only and imports nothing of the product, so the product cannot tell it from the real platform.
"""
