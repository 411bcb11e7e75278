# The backend on Debian. Stages: builder, runtime, development, testing, production (the default).
# Sibling of alpine.Dockerfile; keep the steps in the same order.
# No "# syntax" line: the frontend that BuildKit has built in needs no network.

# A mirror, another tag or a digest; any image with Python 3.11 as `python3` will do.
ARG PYTHON_IMAGE=python:3.11-slim

# ---- builder: the virtual environment of production, and the compiled code ---------------------
FROM ${PYTHON_IMAGE} AS builder

# renovate: datasource=pypi depName=uv
ARG UV_VERSION=0.13.9
# Another package index. Only this stage sees them; the images that are shipped hold no trace.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/app/.venv

# In an environment of its own, as distributions forbid installing next to their Python.
# The optional secret is for networks that inspect TLS: --secret id=ca_bundle,src=<bundle>.
RUN --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi; \
    [ -n "${PIP_INDEX_URL}" ] || unset PIP_INDEX_URL; \
    python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --disable-pip-version-check "uv==${UV_VERSION}"

# Only the lock file decides about this layer, and only hashes it names get in.
RUN --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
    if [ -s /run/secrets/ca_bundle ]; then export SSL_CERT_FILE=/run/secrets/ca_bundle; fi; \
    [ -n "${UV_DEFAULT_INDEX}" ] || unset UV_DEFAULT_INDEX; \
    /opt/uv/bin/uv venv --python "$(command -v python3)" "${VIRTUAL_ENV}" \
    && /opt/uv/bin/uv pip install --require-hashes --requirement /tmp/requirements.txt \
    && find "${VIRTUAL_ENV}" -type d -name tests -prune -exec rm -rf {} +

# Compiled once here instead of at every start of a read-only container. By hash, so that the
# result does not depend on when the files were checked out.
FROM builder AS code
COPY app /app/app
RUN python3 -m compileall -q --invalidation-mode checked-hash /app/app

# ---- builder of development: the same and the tools --------------------------------------------
FROM builder AS builder-development

RUN --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements-dev.txt,target=/tmp/requirements-dev.txt \
    if [ -s /run/secrets/ca_bundle ]; then export SSL_CERT_FILE=/run/secrets/ca_bundle; fi; \
    [ -n "${UV_DEFAULT_INDEX}" ] || unset UV_DEFAULT_INDEX; \
    /opt/uv/bin/uv pip install --require-hashes --requirement /tmp/requirements-dev.txt

# ---- runtime: what all images below start from -------------------------------------------------
FROM ${PYTHON_IMAGE} AS runtime

ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1

# The user, written down instead of made by tools that minimal bases lack. Then away with what can
# install software, and with every setuid bit: nothing in here has a use for them.
RUN echo 'slidegenie:x:1000:' >> /etc/group \
    && echo 'slidegenie:x:1000:1000::/app:/usr/sbin/nologin' >> /etc/passwd \
    && find /usr/local/lib /usr/lib -maxdepth 3 \
        \( -path '*/python3*/ensurepip' -o -path '*/python3*/idlelib' \
        -o -path '*-packages/pip*' -o -path '*-packages/setuptools*' -o -path '*-packages/wheel*' \
        -o -path '*-packages/pkg_resources' -o -path '*-packages/_distutils_hack' \
        -o -path '*-packages/distutils-precedence.pth' \) -prune -exec rm -rf {} + \
    && rm -rf /usr/local/bin/pip* /usr/local/bin/wheel /usr/local/bin/idle* /usr/bin/pip* /root/.cache \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

WORKDIR /app
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/app/.venv/bin/python", "-m", "app", "health"]

# ---- development: reloads on every change of the code mounted at /app/app ----------------------
FROM runtime AS development

COPY --from=builder-development /app/.venv /app/.venv
COPY pyproject.toml /app/
COPY tests /app/tests
COPY app /app/app

USER 1000:1000
CMD ["python", "-m", "app", "serve", "--reload"]

# ---- testing: the same, and runs the tests -----------------------------------------------------
FROM development AS testing

HEALTHCHECK NONE
CMD ["python", "-m", "pytest"]

# ---- production --------------------------------------------------------------------------------
FROM runtime AS production

COPY --from=builder /app/.venv /app/.venv

# The official image has no compiled standard library, and a read-only container would compile it
# anew at every start and every health check. This compiles what is really imported.
RUN PYTHONDONTWRITEBYTECODE= python -c "import alembic.command, asyncpg, fastapi, httptools, \
obstore.store, pptx, prometheus_client.multiprocess, pydantic_settings, redis.asyncio, \
sqlalchemy.ext.asyncio, structlog, uvicorn.supervisors, uvloop, \
multiprocessing.popen_spawn_posix, multiprocessing.resource_tracker"

COPY --from=code /app/app /app/app

USER 1000:1000
CMD ["python", "-m", "app", "serve"]

# Last, so that a new version number rebuilds nothing.
ARG PYTHON_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
ENV RELEASE=${VERSION}
LABEL org.opencontainers.image.title="SlideGenie backend" \
      org.opencontainers.image.description="Turns outlines into PowerPoint files" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
