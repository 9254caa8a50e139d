FROM varve-cases:base
ONBUILD RUN --mount=target=/ctx cat /ctx/f > /out
