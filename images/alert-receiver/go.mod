module promdrill.example/alert-receiver

go 1.26.0
