FROM varve-cases:base
RUN mkdir -p /d/sub /e/sub && touch /d/a /d/b /d/sub/c /e/f /e/sub/g
RUN rm /d/a && rm -r /d/sub
RUN rm -r /e && mkdir /e && touch /e/fresh
