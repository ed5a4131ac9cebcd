// PocketBase with the collection and the users of ./dev bench create-rules-pocketbase, its
// request log off.
//
//	BENCH_USERS=101 BENCH_TOKENS=FILE pocketbase serve --http 127.0.0.1:PORT --dir DIR
//
// writes "<user id> <token>" of each user into FILE before it listens.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

const (
	// As the rules of the measured project (tests/bench/rows_rules.py).
	createRule = `customer_id = @request.auth.id`
	listRule   = `customer_id = @request.auth.id || status != "pending"`
)

func withoutRequestLog(app core.App) error {
	settings := app.Settings()
	settings.Logs.MaxDays = 0
	return app.Save(settings)
}

func makeOrders(app core.App) error {
	orders := core.NewBaseCollection("orders")
	orders.ListRule = types.Pointer(listRule)
	orders.ViewRule = types.Pointer(listRule)
	orders.CreateRule = types.Pointer(createRule)
	orders.Fields.Add(
		&core.TextField{Name: "customer_id", Required: true},
		&core.NumberField{Name: "amount", Required: true, Min: types.Pointer(0.0)},
		&core.NumberField{Name: "quantity", Required: true, OnlyInt: true},
		&core.SelectField{Name: "status", Values: []string{"pending", "processing", "shipped", "delivered"}},
		&core.TextField{Name: "note", Max: 500},
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	return app.Save(orders)
}

func makeUsers(app core.App, count int, path string) error {
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	for i := range count {
		user := core.NewRecord(users)
		user.SetEmail(fmt.Sprintf("user-%06d@example.com", i))
		user.SetRandomPassword()
		if err := app.Save(user); err != nil {
			return err
		}
		token, err := user.NewAuthToken()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, user.Id, token)
	}
	return out.Flush()
}

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{HideStartBanner: true})
	app.OnServe().BindFunc(func(event *core.ServeEvent) error {
		count, err := strconv.Atoi(os.Getenv("BENCH_USERS"))
		if err != nil {
			return err
		}
		if err := withoutRequestLog(event.App); err != nil {
			return err
		}
		if err := makeOrders(event.App); err != nil {
			return err
		}
		if err := makeUsers(event.App, count, os.Getenv("BENCH_TOKENS")); err != nil {
			return err
		}
		if err := event.Next(); err != nil {
			return err
		}
		fmt.Println("ready")
		return nil
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}
