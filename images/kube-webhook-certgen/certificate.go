package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"time"
)

const (
	// before is how far the clocks of nodes may be apart.
	before = time.Hour
	// lifetime is longer than any cluster of a drill lasts.
	lifetime = 10 * 365 * 24 * time.Hour
)

// pair is a server's certificate with its key, and the certificate that signed it; all in PEM.
type pair struct{ authority, certificate, key []byte }

// newPair makes a certificate for hosts, signed by an authority whose own key is thrown away.
func newPair(hosts []string) (pair, error) {
	var made pair
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return made, err
	}
	server, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return made, err
	}
	now := time.Now()
	root := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "promdrill admission webhooks authority"},
		NotBefore: now.Add(-before), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &signer.PublicKey, signer)
	if err != nil {
		return made, err
	}
	parent, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return made, err
	}
	leaf := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "promdrill admission webhooks"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if address := net.ParseIP(host); address != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, address)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, parent, &server.PublicKey, signer)
	if err != nil {
		return made, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(server)
	if err != nil {
		return made, err
	}
	made.authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})
	made.certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER})
	made.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return made, nil
}
