"""The services behind the backend: one module each, of the shapes that `app.model` defines."""
