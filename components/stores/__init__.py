"""The data stores: PostgreSQL, Redis, S3-compatible storage, and the logins of services."""
