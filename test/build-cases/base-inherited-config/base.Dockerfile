FROM varve-cases:base
ENV a=1 b=2
LABEL kept=1 other=2
EXPOSE 1
VOLUME /one
USER 5
WORKDIR /base
SHELL ["/bin/sh", "-ec"]
STOPSIGNAL SIGUSR1
HEALTHCHECK CMD true
MAINTAINER Base
