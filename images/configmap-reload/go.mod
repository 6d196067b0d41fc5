module promdrill.example/configmap-reload

go 1.26.0

require github.com/fsnotify/fsnotify v1.9.0

require golang.org/x/sys v0.40.0 // indirect
