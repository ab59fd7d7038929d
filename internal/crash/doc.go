// Package crash tries the service out as it is deployed: the built program as
// receiver and as worker in processes of their own, and a real redis-server
// that are killed or frozen while posts come in.
package crash
