FROM varve-cases:base
ENV b=parent
ONBUILD RUN echo "child $b" > /child
ONBUILD COPY file /src/
ONBUILD ENV a=${b}s
ONBUILD WORKDIR /src
