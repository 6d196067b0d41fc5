# One small site, logs to the container's own streams; $1 is the tree.
rm -rf "$1/etc/nginx"
mkdir -p "$1/etc/nginx" "$1/var/lib/nginx" "$1/var/log/nginx" "$1/run" "$1/srv"
printf 'promdrill\n' >"$1/srv/index.html"
cat >"$1/etc/nginx/nginx.conf" <<'END'
user root;
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
  access_log /dev/stdout;
  error_log /dev/stderr;
  server {
    listen 80;
    root /srv;
  }
}
END
