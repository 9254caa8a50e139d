FROM varve-cases:base
ONBUILD RUN echo "from the base" && exit 5
