# FIBO Studio for a pod with an NVIDIA GPU (RunPod), or any Docker with the NVIDIA runtime:
#
#     docker build -t fibo-studio .
#     docker run --gpus all -p 7860:7860 -v fibo:/workspace -e HF_TOKEN fibo-studio
#
# The image holds the program, its lock and its scripts, and no dependencies: the first start installs those on
# the volume (scripts/runtime_setup.sh), beside torch, which the base image brings. So an update of the image is
# small, reaches the pod with its next start, and makes its environment anew only where the lock has changed.

# CUDA 12.8.1, torch 2.9.1 and Python 3.12 on Ubuntu 24.04, with uv, sshd and JupyterLab. The tag says what it
# is, the digest which; other tags are listed on Docker Hub. Older than torch 2.9 would make
# runtime_setup.sh download another one.
FROM --platform=linux/amd64 runpod/pytorch:1.0.3-cu1281-torch291-ubuntu2404@sha256:60baa36d3fb6b98fd4f4ece6b96776c83c01a8b7c540e54460ab4d496816141f

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="FIBO Studio" \
      org.opencontainers.image.description="A studio for FIBO: from a few words to a structured JSON prompt to a stored, repeatable picture." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/runpod/pytorch:1.0.3-cu1281-torch291-ubuntu2404"

# Beyond this machine there is always a login: STUDIO_PASSWORD, or one that is drawn and printed at each start.
ENV STUDIO_HOST=0.0.0.0

WORKDIR /opt/fibo-studio
COPY LICENSE NOTICE requirements.lock ./
COPY .streamlit .streamlit
COPY scripts/entrypoint.sh scripts/healthcheck.py scripts/preflight.py scripts/runtime_setup.sh \
     scripts/setup_page.py scripts/studio.sh scripts/
COPY fibo_core fibo_core
COPY studio studio
COPY pages pages

# `fibo-studio history list` in a terminal of the pod: the same script, with arguments.
RUN ln -s /opt/fibo-studio/scripts/entrypoint.sh /usr/local/bin/fibo-studio \
    && python3 -m compileall -q fibo_core studio pages

# No VOLUME: an anonymous one would hide that none was mounted, and go with the container.
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=3m --retries=3 \
    CMD ["python3", "-I", "/opt/fibo-studio/scripts/healthcheck.py"]
STOPSIGNAL SIGTERM

# As root, because RunPod's volumes belong to root and the base image's sshd needs it. The base image's own
# command, /start.sh (nginx, ssh, Jupyter), is not lost: entrypoint.sh runs it beside the studio where the pod
# brings PUBLIC_KEY or JUPYTER_PASSWORD. An empty CMD, or it would be taken for arguments.
ENTRYPOINT ["/opt/fibo-studio/scripts/entrypoint.sh"]
CMD []
