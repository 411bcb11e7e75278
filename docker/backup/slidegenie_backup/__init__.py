"""Backups, restores and restore drills: a small driver around pg_dump, redis-cli, an S3 client and restic."""
