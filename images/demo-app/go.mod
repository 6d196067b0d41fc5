module promdrill.example/demo-app

go 1.26.0
