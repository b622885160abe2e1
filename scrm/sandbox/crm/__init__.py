"""A CRM on this machine that speaks HubSpot's dated API, with a page to look at its records. It knows nothing of the product."""
