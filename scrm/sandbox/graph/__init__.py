"""The Graph API as the WhatsApp Cloud API shows it: paths, bodies, answers and errors."""
