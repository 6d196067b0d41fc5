module promdrill.example/kube-webhook-certgen

go 1.26.0
