package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/api/option"

	"github.com/ml-connector/ml-connector/secret"
)

// master is a key that stays in a stand-in of a KMS.
func master(t *testing.T) tink.AEAD {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	a, err := aead.New(h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// vaultServer speaks Vault's transit API over TLS:
// https://developer.hashicorp.com/vault/api-docs/secret/transit
func vaultServer(t *testing.T, token string) *httptest.Server {
	t.Helper()
	keys := map[string]tink.AEAD{"ml-connector": master(t), "other": master(t)}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, text string) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{text}})
		}
		if r.Header.Get("X-Vault-Token") != token {
			refuse(http.StatusForbidden, "permission denied")
			return
		}
		var in struct {
			Plaintext  string `json:"plaintext"`
			Ciphertext string `json:"ciphertext"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			refuse(http.StatusBadRequest, err.Error())
			return
		}
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/transit/"), "/")
		key := keys[parts[len(parts)-1]]
		if key == nil || len(parts) != 2 {
			refuse(http.StatusNotFound, "no such key")
			return
		}
		data := map[string]any{}
		switch parts[0] {
		case "encrypt":
			plain, _ := base64.StdEncoding.DecodeString(in.Plaintext)
			c, err := key.Encrypt(plain, nil)
			if err != nil {
				refuse(http.StatusInternalServerError, err.Error())
				return
			}
			data["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(c)
		case "decrypt":
			c, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
			plain, err := key.Decrypt(c, nil)
			if err != nil {
				refuse(http.StatusBadRequest, "cipher: message authentication failed")
				return
			}
			data["plaintext"] = base64.StdEncoding.EncodeToString(plain)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
	}))
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_CACERT", ca)
	t.Setenv("VAULT_TOKEN", token)
	t.Setenv("VAULT_MAX_RETRIES", "0")
	return s
}

// A keyset in a file that only a KMS opens: made, read, rotated, and refused
// with the wrong key, the wrong token and without the KMS.
func TestKeysetInVault(t *testing.T) {
	s := vaultServer(t, "a token of Vault")
	uri := "hcvault://" + strings.TrimPrefix(s.URL, "https://") + "/transit/keys/"
	keysetLives(t, uri+"ml-connector", uri+"other")
	file := filepath.Join(t.TempDir(), "keyset.json")
	source := secret.Source{File: file, KMS: uri + "ml-connector"}
	if _, err := secret.Init(source); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_TOKEN", "another token")
	refused(t, source, "permission denied")
	t.Setenv("VAULT_TOKEN", "")
	refused(t, source, "VAULT_TOKEN is not set")
	t.Setenv("VAULT_TOKEN", "a token of Vault")
	s.Close()
	refused(t, source, "connection refused")
}

// AWS KMS speaks JSON: https://docs.aws.amazon.com/kms/latest/APIReference
func TestKeysetInAWS(t *testing.T) {
	const first, other = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000001", "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000002"
	keys := map[string]tink.AEAD{first: master(t), other: master(t)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			KeyID                     string `json:"KeyId"`
			Plaintext, CiphertextBlob []byte
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || keys[in.KeyID] == nil || !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDEXAMPLE/") {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": "NotFoundException"})
			return
		}
		var out []byte
		var err error
		field := "Plaintext"
		if r.Header.Get("X-Amz-Target") == "TrentService.Encrypt" {
			field = "CiphertextBlob"
			out, err = keys[in.KeyID].Encrypt(in.Plaintext, nil)
		} else {
			out, err = keys[in.KeyID].Decrypt(in.CiphertextBlob, nil)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": "InvalidCiphertextException"})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{field: out, "KeyId": in.KeyID})
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	keysetLives(t, "aws-kms://"+first, "aws-kms://"+other)
}

// Google KMS speaks JSON too:
// https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys
func TestKeysetInGoogle(t *testing.T) {
	const ring = "projects/p/locations/l/keyRings/r/cryptoKeys/"
	keys := map[string]tink.AEAD{ring + "ml-connector": master(t), ring + "other": master(t)}
	sum := func(b []byte) string {
		return strconv.FormatInt(int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/token" { // OAuth 2.0, RFC 7523
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a token of Google", "token_type": "Bearer", "expires_in": 3600})
			return
		}
		var in struct{ Plaintext, Ciphertext string }
		name, verb, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), ":")
		err := json.NewDecoder(r.Body).Decode(&in)
		if err != nil || keys[name] == nil || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}})
			return
		}
		var out []byte
		answer := map[string]any{}
		if verb == "encrypt" {
			plain, _ := base64.URLEncoding.DecodeString(in.Plaintext)
			out, err = keys[name].Encrypt(plain, nil)
			answer = map[string]any{"ciphertext": out, "ciphertextCrc32c": sum(out), "verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true}
		} else {
			c, _ := base64.URLEncoding.DecodeString(in.Ciphertext)
			out, err = keys[name].Decrypt(c, nil)
			answer = map[string]any{"plaintext": out, "plaintextCrc32c": sum(out)}
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]any{"error": map[string]any{"code": 400, "message": "Decryption failed", "status": "INVALID_ARGUMENT"}}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{"type": "service_account", "project_id": "p", "client_email": "ml@p.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": s.URL + "/token"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	if _, err := registry.GetKMSClient("gcp-kms://" + ring + "ml-connector"); err != nil {
		t.Errorf("Google's client is not built in: %v", err)
	}
	registry.ClearKMSClients() // its address is not a setting
	registry.RegisterKMSClient(late{"gcp-kms://", google(option.WithEndpoint(s.URL))})
	keysetLives(t, "gcp-kms://"+ring+"ml-connector", "gcp-kms://"+ring+"other")
	source := secret.Source{File: filepath.Join(t.TempDir(), "keyset.json"), KMS: "gcp-kms://" + ring + "nowhere"}
	if _, err := secret.Init(source); err == nil || !strings.Contains(err.Error(), "Permission denied") {
		t.Errorf("with a key that it may not use: %v", err)
	}
}

func keysetLives(t *testing.T, uri, other string) {
	t.Helper()
	source := secret.Source{File: filepath.Join(t.TempDir(), "keyset.json"), KMS: uri}
	k, err := secret.Init(source)
	if err != nil {
		t.Fatal(err)
	}
	place := secret.Binding{Deployment: "d", Tenant: "acme", Field: "key", Version: 1}
	sealed, err := k.Seal([]byte("a credential"), place)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := k.Add()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Promote(fresh); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(source.File)
	if err != nil || !strings.Contains(string(b), "encryptedKeyset") {
		t.Errorf("the file is not encrypted: %.80s, %v", b, err)
	}
	again, err := secret.Load(source)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, place); err != nil || string(got) != "a credential" || again.Primary() != fresh {
		t.Errorf("after a rotation and a restart: %q, %v", got, err)
	}
	refused(t, secret.Source{File: source.File, KMS: other}, "check that this is the key it was made with")
	refused(t, secret.Source{File: source.File}, "MLC_KEYSET_KMS")
}

func refused(t *testing.T, s secret.Source, words string) {
	t.Helper()
	if _, err := secret.Load(s); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("with %q: %v, want %q", s.KMS, err, words)
	}
}
