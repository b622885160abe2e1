"""The inbox: queues, the conversation beside its customer, and the composer."""
