FROM compose-secure-test/busybox AS first
COPY --from=@SERVER@/evil /x /x
COPY --from=other secret /secret
COPY ../../outside/secret /secret
RUN <<EOT sh -e
  export DB_PASSWORD=SENTINELheredoc0123
  touch @CANARY@
EOT
COPY <<"ONE" <<TWO /etc/
password = SENTINELfile0123
ONE
token: SENTINELother0123
TWO
ONBUILD RUN touch @CANARY@
FROM first AS last
HEALTHCHECK CMD ["redis-cli", "-a", "SENTINELhealth0123", "ping"]
SHELL ["/bin/sh", "-c"]
CMD ["mysql", "--password=SENTINELcmd0123"]
